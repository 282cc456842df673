import { RuleTester } from "oxlint/plugins-dev";
import { describe, it } from "vitest";
import { disableNeedsReason } from "./disable-needs-reason.ts";
import { noBareDate } from "./no-bare-date.ts";
import { noJoinedCommand } from "./no-joined-command.ts";

RuleTester.describe = describe;
RuleTester.it = it;
const tester = new RuleTester();

tester.run("a command is an argument array", noJoinedCommand, {
  valid: [
    "spawn('git', ['log', name])",
    "spawn(program, [`--name=${name}`])",
    "execFile('bash', ['-c', 'echo \"$1\"', 'bash', name])",
    "runCommand(join(root, 'bin', tool), args)",
    "const found = /a(b)/.exec(text)",
    "database.exec('select 1')",
    "spawn('git', [], { shell: false })",
  ],
  invalid: [
    { code: "exec('ls ' + name)", errors: [{ messageId: "shell" }] },
    { code: "childProcess.execSync('ls')", errors: [{ messageId: "shell" }] },
    { code: "spawn(`ls ${name}`)", errors: [{ messageId: "joined" }] },
    { code: "spawn('sh', ['-c', `ls ${name}`])", errors: [{ messageId: "joined" }] },
    { code: "execFile('bash', ['-ec', 'ls ' + name])", errors: [{ messageId: "joined" }] },
    { code: "runCommand('sh', ['-c', ['ls', name].join(' ')])", errors: [{ messageId: "joined" }] },
    { code: "spawn('git', [name], { shell: true })", errors: [{ messageId: "shellOption" }] },
  ],
});

tester.run("a switched-off check says why", disableNeedsReason, {
  valid: [
    "// oxlint-disable-next-line no-console -- the launcher speaks to a person\nlog()",
    "/* eslint-disable no-console -- the launcher speaks to a person */",
    "// a comment about oxlint-disable-next-line",
  ],
  invalid: [
    { code: "// oxlint-disable-next-line no-console\nlog()", errors: [{ messageId: "reason" }] },
    { code: "/* eslint-disable */", errors: [{ messageId: "reason" }] },
    { code: "// eslint-disable-line no-console -- ok", errors: [{ messageId: "reason" }] },
    { code: "// @ts-expect-error\nlog()", errors: [{ messageId: "reason" }] },
  ],
});

tester.run("a rule of the domain takes the time as an argument", noBareDate, {
  valid: ["new Date(now)", "new Date('2026-01-01')", "Date.parse(text)"],
  invalid: [
    { code: "new Date()", errors: [{ messageId: "clock" }] },
    { code: "new Date", errors: [{ messageId: "clock" }] },
    { code: "Date()", errors: [{ messageId: "clock" }] },
  ],
});
