/** Cronium's own lint rules; `.oxlintrc.json` loads this file, so it exports by default. */
import type { Rule } from "./rule.ts";
import { disableNeedsReason } from "./disable-needs-reason.ts";
import { noBareDate } from "./no-bare-date.ts";
import { noJoinedCommand } from "./no-joined-command.ts";

const plugin: { meta: { name: string }; rules: Record<string, Rule> } = {
  meta: { name: "cronium" },
  rules: {
    "disable-needs-reason": disableNeedsReason,
    "no-bare-date": noBareDate,
    "no-joined-command": noJoinedCommand,
  },
};

export default plugin;
