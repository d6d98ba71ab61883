const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

/** The program of a worker process; `spawnHost` starts it. */
export const workerHostUrl = new URL(`./main.${extension}`, import.meta.url);

/** The same as a thread, for trusted workers: `new Worker(workerThreadUrl, { argv: packages })`. */
export const workerThreadUrl = new URL(`./thread.${extension}`, import.meta.url);
