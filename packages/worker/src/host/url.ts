/** The program of a worker process. Fork it with worker packages as arguments and no `execArgv`. */
export const workerHostUrl = new URL(
  import.meta.url.endsWith('.ts') ? './main.ts' : './main.js',
  import.meta.url,
);
