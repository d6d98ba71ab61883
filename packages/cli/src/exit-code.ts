import { ResultTimeoutError, TenmaError } from '@tenma/client';
import { InterruptedError, TaskUnsuccessfulError, UsageError } from './cli-errors.ts';

/** The verdict of a command; scripts branch on it. */
export const exitCodes = {
  /** Success, including an empty list. */
  ok: 0,
  /** Could not do it: network, server, unexpected. */
  failed: 1,
  /** Wrong usage, or input that was refused as invalid. */
  usage: 2,
  notFound: 3,
  notAllowed: 4,
  /** The task, or the failover, finished, and not in success. */
  unsuccessful: 5,
  /** What the command presupposed does not hold, or a guard refuses it: 409 and 412. */
  precondition: 6,
  /** `doctor --exit-code`: it works, and something is wrong. */
  degraded: 7,
  /** The wait is over; the task is not. */
  waitOver: 124,
  /** Interrupted while waiting, and the task goes on; or the answer to a question was no. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const byStatus: Readonly<Record<number, ExitCode>> = {
  400: exitCodes.usage,
  401: exitCodes.notAllowed,
  403: exitCodes.notAllowed,
  404: exitCodes.notFound,
  409: exitCodes.precondition,
  412: exitCodes.precondition,
  413: exitCodes.usage,
  415: exitCodes.usage,
  422: exitCodes.usage,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof InterruptedError) return exitCodes.interrupted;
  if (error instanceof TaskUnsuccessfulError) return exitCodes.unsuccessful;
  if (error instanceof ResultTimeoutError) return exitCodes.waitOver;
  if (error instanceof TenmaError) return byStatus[error.status ?? 0] ?? exitCodes.failed;
  return exitCodes.failed;
}
