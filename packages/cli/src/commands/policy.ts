import type { NewPolicyInput } from '@tenma/client';
import type { CommandGroup } from '../command.ts';
import { policyTable } from '../policy-view.ts';
import { readJson } from '../read-json.ts';
import type { Session } from '../session.ts';

/** `tenma policy …` */
export const policyCommands: CommandGroup = (program, act) => {
  const policy = program.command('policy').description('tasks that are submitted when something happens');
  policy.command('ls').description('list policies').action(act(listPolicies));
  policy
    .command('add')
    .description('when … then submit a task …')
    .requiredOption('-f, --file <path>', 'the policy as a file of JSON; - reads standard input')
    .action(act<{ file: string }>((session, _args, { file }) => addPolicy(session, file)));
  for (const [verb, enabled, about] of [
    ['enable', true, 'act on events again'],
    ['disable', false, 'act on nothing until it is enabled'],
  ] as const) {
    policy
      .command(verb)
      .description(about)
      .argument('<id>')
      .action(act((session, [id = '']) => enablePolicy(session, id, enabled)));
  }
  policy
    .command('rm')
    .description('remove a policy; tasks that it has submitted go on')
    .argument('<id>')
    .action(act((session, [id = '']) => removePolicy(session, id)));
};

async function listPolicies({ client, output }: Session): Promise<void> {
  const policies = await client.policies.list();
  if (policies.length === 0) output.note('no policies');
  output.data(policies, () => policyTable(policies));
}

async function addPolicy({ client, output, stdin }: Session, file: string): Promise<void> {
  // LE judges it: a newer one may take more than this program knows of.
  const document = (await readJson(file, stdin, '-f')) as unknown as NewPolicyInput;
  const policy = await client.policies.create(document);
  output.data(policy, () => policyTable([policy]));
}

async function enablePolicy({ client, output }: Session, id: string, enabled: boolean): Promise<void> {
  const policy = await client.policies.update(id, { enabled });
  output.data(policy, () => policyTable([policy]));
}

/** Prints what it removed, so that it can be made again. */
async function removePolicy({ client, output }: Session, id: string): Promise<void> {
  const policy = await client.policies.get(id);
  await client.policies.remove(id);
  output.note(`removed ${id}`);
  output.data(policy, () => policyTable([policy]));
}
