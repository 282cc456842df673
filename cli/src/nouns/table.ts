/** Every command of the program, in the order of its help. */
import type { Command } from "../base/command.ts";
import type { Cli } from "../commands/context.ts";
import { account } from "./account.ts";
import { dev } from "./dev.ts";
import { fleet } from "./fleet.ts";
import { people } from "./people.ts";
import { schedules } from "./schedules.ts";
import { tools } from "./tools.ts";
import { values } from "./values.ts";
import { webhooks } from "./webhooks.ts";
import { work } from "./work.ts";

export const commands: readonly Command<Cli>[] = [
  ...account,
  ...work,
  ...schedules,
  ...dev,
  ...webhooks,
  ...values,
  ...fleet,
  ...people,
  ...tools,
];
