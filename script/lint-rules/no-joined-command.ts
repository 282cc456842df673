import type { Expression, Rule } from "./rule.ts";

/** Functions that start a program with an argument array. */
const STARTERS = new Set(["spawn", "spawnSync", "execFile", "execFileSync", "runCommand"]);
/** Functions that hand one string to a shell. */
const SHELL_STARTERS = new Set(["exec", "execSync"]);

function calledName(callee: Expression): string | undefined {
  if (callee.type === "Identifier") {
    return callee.name;
  }
  // child_process.exec(...); the exec of a regular expression or a database is no shell.
  const isMember = callee.type === "MemberExpression" && callee.property.type === "Identifier";
  const isModule =
    isMember && callee.object.type === "Identifier" && /^(child_?process|cp)$/iu.test(callee.object.name);
  return isModule && callee.property.type === "Identifier" ? callee.property.name : undefined;
}

/** Whether the value is put together from parts, so that one part may become shell syntax. */
function isJoined(node: Expression): boolean {
  if (node.type === "TemplateLiteral") {
    return node.expressions.length > 0;
  }
  if (node.type === "BinaryExpression" && node.operator === "+") {
    const literal = (side: Expression): boolean =>
      side.type === "Literal" || (side.type === "BinaryExpression" && literal(side.left));
    return !literal(node.left) || !literal(node.right);
  }
  return (
    node.type === "CallExpression" &&
    node.callee.type === "MemberExpression" &&
    node.callee.property.type === "Identifier" &&
    node.callee.property.name === "join" &&
    node.callee.object.type === "ArrayExpression"
  );
}

function usesShell(options: Expression): boolean {
  return (
    options.type === "ObjectExpression" &&
    options.properties.some(
      (property) =>
        property.type === "Property" &&
        property.key.type === "Identifier" &&
        property.key.name === "shell" &&
        !(property.value.type === "Literal" && property.value.value === false),
    )
  );
}

/** The script after `-c` in an argument array, when it is put together from parts. */
function joinedShellScript(args: Expression): Expression | undefined {
  if (args.type !== "ArrayExpression") {
    return undefined;
  }
  const flag = args.elements.findIndex(
    (element) => element?.type === "Literal" && typeof element.value === "string" && /^-[a-z]*c$/u.test(element.value),
  );
  const script = flag === -1 ? undefined : args.elements[flag + 1];
  return script !== null && script !== undefined && isJoined(script) ? script : undefined;
}

/** Commands are argument arrays: a name with a quote must not become shell syntax. */
export const noJoinedCommand: Rule = {
  meta: {
    type: "problem",
    messages: {
      shell: "{{name}} runs its string through a shell: use spawn or execFile with an argument array.",
      shellOption: "`shell` joins the arguments into one string: leave it out.",
      joined: "A command joined from parts may become other shell syntax: pass the parts as arguments.",
    },
  },
  create: (context) => ({
    CallExpression(node) {
      const name = calledName(node.callee);
      if (name === undefined) {
        return;
      }
      if (SHELL_STARTERS.has(name)) {
        context.report({ node, messageId: "shell", data: { name } });
        return;
      }
      if (!STARTERS.has(name)) {
        return;
      }
      const [program, ...rest] = node.arguments;
      const spaced =
        program?.type === "TemplateLiteral" && program.quasis.some((quasi) => quasi.value.raw.includes(" "));
      if (spaced && isJoined(program)) {
        context.report({ node: program, messageId: "joined" });
      }
      for (const argument of rest) {
        const script = joinedShellScript(argument);
        if (script !== undefined) {
          context.report({ node: script, messageId: "joined" });
        }
        if (usesShell(argument)) {
          context.report({ node: argument, messageId: "shellOption" });
        }
      }
    },
  }),
};
