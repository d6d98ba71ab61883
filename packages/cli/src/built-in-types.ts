/** The package that a WEE loads unless told otherwise. No dependency: an install of the command line may lack it. */
const builtIn: string = '@tenma/workers';

/** The task types of the built-in workers, as their package has them; none where it is not installed. */
export async function builtInTypes(): Promise<string[]> {
  const { default: workers } = await loadPackage(builtIn);
  if (!Array.isArray(workers)) return [];
  return workers.flatMap((worker: unknown) =>
    typeof worker === 'object' && worker !== null && 'type' in worker && typeof worker.type === 'string'
      ? [worker.type]
      : [],
  );
}

async function loadPackage(name: string): Promise<{ readonly default?: unknown }> {
  try {
    return (await import(name)) as { readonly default?: unknown };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(name)) return {};
    throw error;
  }
}
