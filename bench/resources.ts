/** What is open now; an interrupted bench closes it, so that no server stays behind. */
const open = new Set<AsyncDisposableStack>();

/** Runs `use` with a stack for what it opens, and closes that in reverse order however it ends. */
export async function withResources<Result>(
  use: (resources: AsyncDisposableStack) => Promise<Result>,
): Promise<Result> {
  await using resources = new AsyncDisposableStack();
  open.add(resources);
  try {
    return await use(resources);
  } finally {
    open.delete(resources);
  }
}

/** Closes what is open and exits. Also called when the whole bench takes longer than it may. */
export async function abandon(exitCode: number): Promise<never> {
  await Promise.allSettled([...open].map((resources) => resources.disposeAsync()));
  process.exit(exitCode);
}
