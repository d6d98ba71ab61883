import { majorOf, type TaskType } from '@tenma/protocol';
import type { Store } from '@tenma/store';

/** What the store remembers: of each type a version a major. All of these throw StoreUnavailableError. */
export async function rememberedTypes(store: Pick<Store, 'taskTypes'>): Promise<TaskType[]> {
  return (await store.taskTypes()).map((row) => ({ ...row, type: typeOf(row) }));
}

export async function rememberTypes(
  store: Pick<Store, 'saveTaskTypes'>,
  types: readonly TaskType[],
): Promise<void> {
  await store.saveTaskTypes(types.map((type) => ({ ...type, type: rowName(type) })));
}

/** All majors of it. */
export async function forgetType(
  store: Pick<Store, 'taskTypes' | 'forgetTaskTypes'>,
  type: string,
): Promise<void> {
  const rows = (await store.taskTypes()).filter((row) => typeOf(row) === type);
  await store.forgetTaskTypes(rows.map((row) => row.type));
}

/** The store keeps one document a name: a major of a type has a name of its own there, which is no type's. */
function rowName({ type, version }: TaskType): string {
  return `${type}@${majorOf(version)}`;
}

function typeOf({ type: name }: TaskType): string {
  return name.split('@', 1)[0] ?? name;
}
