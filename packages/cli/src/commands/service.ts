import type { CommandGroup } from '../command.ts';
import { UsageError } from '../cli-errors.ts';

/** Modules that start a service when they are imported. Not dependencies: an install may hold any of them, or none. */
const services = {
  dev: { module: '@tenma/dev', about: 'run everything in this process, with nothing to install beside it' },
  le: { module: '@tenma/le/main', about: 'run LE: the API, the store, the dispatcher' },
  ic: { module: '@tenma/ic/main', about: 'run IC: places tasks and hands them on' },
  wee: { module: '@tenma/wee/main', about: 'run a WEE: workers' },
} as const;

/** `tenma dev|le|ic|wee`: the service takes this process over, with its signals and its exit. */
export const serviceCommands: CommandGroup = (program, act) => {
  for (const [name, { module, about }] of Object.entries(services)) {
    program
      .command(name)
      .description(`${about}; configured by TENMA_* variables`)
      .action(act(() => start(name, module)));
  }
};

async function start(name: string, module: string): Promise<void> {
  try {
    await import(module);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(module.replace(/\/main$/, ''))) throw error;
    throw new UsageError(
      `This install has no ${name}: ${module} is missing`,
      `Install ${module.split('/main')[0]}.`,
    );
  }
}
