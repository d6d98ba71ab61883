import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@tenma/test-support';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

const dayMs = 24 * 3_600_000;

/**
 * A self-signed certificate for 127.0.0.1, localhost and *.test.example, valid from `daysFrom` to `daysTo` from now,
 * made with openssl; `openssl ca` is the command that all its versions let set both dates.
 */
export async function selfSignedCertificate({ daysFrom = -1, daysTo = 30 } = {}): Promise<Certificate> {
  await using folder = await temporaryFolder();
  const file = (name: string) => join(folder.path, name);
  writeFileSync(file('index.txt'), '');
  writeFileSync(file('serial'), '01\n');
  writeFileSync(file('ca.conf'), configuration(folder.path));
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(['req', ...curve, '-keyout', file('key.pem'), '-out', file('csr.pem'), '-subj', '/CN=localhost']);
  const dates = ['-startdate', dateIn(daysFrom), '-enddate', dateIn(daysTo)];
  const files = ['-keyfile', file('key.pem'), '-in', file('csr.pem'), '-out', file('cert.pem')];
  openssl(['ca', '-batch', '-notext', '-selfsign', '-config', file('ca.conf'), ...dates, ...files]);
  return { key: readFileSync(file('key.pem'), 'utf8'), cert: readFileSync(file('cert.pem'), 'utf8') };
}

function configuration(folder: string): string {
  return `
[ca]
default_ca = authority
[authority]
new_certs_dir = ${folder}
database = ${folder}/index.txt
serial = ${folder}/serial
default_md = sha256
policy = names
x509_extensions = server
[names]
commonName = supplied
[server]
basicConstraints = CA:TRUE
subjectAltName = IP:127.0.0.1,DNS:localhost,DNS:*.test.example
`;
}

function openssl(args: string[]): void {
  const run = spawnSync('openssl', args, { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`openssl ${args[0]}: ${run.error?.message ?? run.stderr}`);
}

/** YYYYMMDDHHMMSSZ */
function dateIn(days: number): string {
  return new Date(Date.now() + days * dayMs).toISOString().replace(/\.\d+|[-:T]/g, '');
}
