import { Command, CommanderError } from 'commander';
import { problemOf, UsageError } from './cli-errors.ts';
import type { Act, CommandAction, CommandGroup } from './command.ts';
import { doctorCommand } from './commands/doctor.ts';
import { fabricCommands } from './commands/fabric.ts';
import { failoverCommands } from './commands/failover.ts';
import { geoDocumentCommands } from './commands/geo-document.ts';
import { latencyCommands } from './commands/latency.ts';
import { nodeCommands } from './commands/node.ts';
import { policyCommands } from './commands/policy.ts';
import { regionCommands } from './commands/region.ts';
import { scheduleCommands } from './commands/schedule.ts';
import { serviceCommands } from './commands/service.ts';
import { taskCommands } from './commands/task.ts';
import { topCommand } from './commands/top.ts';
import { workerCommands } from './commands/worker.ts';
import { readCliConfig } from './config.ts';
import { type ExitCode, exitCodeOf, exitCodes } from './exit-code.ts';
import { createOutput } from './output.ts';
import { createSession, type Surroundings } from './session.ts';
import { cliVersion } from './version.ts';

/**
 * Runs one command line to its end. What goes wrong is told on stderr and by the exit code, never thrown. A command that
 * starts a service resolves when the service has started.
 * @param argv without the program's own name
 */
export async function runCli(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok;
  const act: Act =
    <Options>(action: CommandAction<Options>) =>
    async (...received) => {
      const command = received.at(-1) as Command;
      const config = readCliConfig(surroundings.environment, command.optsWithGlobals());
      const output = createOutput(surroundings.stdout, surroundings.stderr, config);
      const session = createSession(surroundings, config, output);
      const args = received.slice(0, -2).flat() as string[];
      code = (await action(session, args, command.opts() as Options)) ?? exitCodes.ok;
    };
  try {
    await createProgram(surroundings, act, argv.includes('--json')).parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    return tell(error, argv, surroundings);
  }
}

const groups: readonly CommandGroup[] = [
  serviceCommands,
  taskCommands,
  fabricCommands,
  workerCommands,
  regionCommands,
  nodeCommands,
  latencyCommands,
  failoverCommands,
  scheduleCommands,
  policyCommands,
  geoDocumentCommands,
  topCommand,
  doctorCommand,
];

function createProgram({ stdout, stderr }: Surroundings, act: Act, json: boolean): Command {
  const program = new Command('tenma')
    .description('Operations tasks, run near their targets.')
    .version(cliVersion())
    .option('--json', 'print JSON on stdout, and errors as {"error": …} on stderr')
    .option('--api <url>', 'of LE; default: TENMA_API_URL, else http://127.0.0.1:8080')
    .configureHelp({ showGlobalOptions: true })
    // Errors are told in one place, in one shape.
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void (json || stderr.write(text)),
      outputError: () => {},
    })
    .showSuggestionAfterError(true)
    .exitOverride();
  for (const add of groups) add(program, act);
  program.addHelpText('after', exitCodeHelp);
  for (const command of program.commands) inherit(program, command);
  return program;
}

/** Commander copies these only to commands that are added afterwards. */
function inherit(parent: Command, command: Command): void {
  command.copyInheritedSettings(parent);
  for (const inner of command.commands) inherit(command, inner);
}

const exitCodeHelp = `
Exit codes:
  0 success   1 could not do it   2 wrong usage or invalid input   3 not found   4 not allowed
  5 the task, or the failover, did not succeed   6 a precondition or a guard does not hold
  7 degraded (doctor --exit-code)   124 the wait is over, the task is not
  130 interrupted, the task goes on; or answered with no`;

function tell(
  error: unknown,
  argv: readonly string[],
  { stdout, stderr, environment }: Surroundings,
): ExitCode {
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
  const fault = error instanceof CommanderError ? usageError(error) : error;
  const json = argv.includes('--json');
  createOutput(stdout, stderr, { json, ansi: !environment['NO_COLOR'], drawable: false }).problem(
    problemOf(fault),
  );
  return exitCodeOf(fault);
}

function usageError(error: CommanderError): UsageError {
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  // A group without a command shows its help on stderr, which is kept for errors.
  if (error.code === 'commander.help') return new UsageError('A command is missing', 'See tenma --help.');
  return new UsageError(message, 'See tenma --help, or --help after the command.');
}
