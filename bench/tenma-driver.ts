/** A process that submits tasks to Tenma as its users do, by the batching client. Its arguments: the URL of LE, the type. */
import { createClient } from '@tenma/client';
import { serveDriver } from './driver.ts';
import { kibibyteInput } from './task-input.ts';

const [url = '', type = ''] = process.argv.slice(2);
const client = createClient({ url });
const input = kibibyteInput();
const patience = { queue_timeout_ms: 3_600_000, total_timeout_ms: 2 * 3_600_000 };

serveDriver((patient) => client.submit(type, input, patient ? patience : {}));
