/** A process that submits tasks to Tenma as its users do, by the batching client. Its argument: the URL of LE. */
import { createClient } from '@tenma/client';
import { serveDriver } from './driver.ts';
import { kibibyteInput } from './task-input.ts';

const client = createClient({ url: process.argv[2] ?? '' });
const input = kibibyteInput();
const patience = { queue_timeout_ms: 3_600_000, total_timeout_ms: 2 * 3_600_000 };

serveDriver((patient) => client.submit('echo', input, patient ? patience : {}));
