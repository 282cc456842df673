import type { Rule } from "./rule.ts";

/** `new Date()` and `Date()` read the clock; with an argument they only convert. */
export const noBareDate: Rule = {
  meta: {
    type: "problem",
    messages: { clock: "This reads the clock: take `now` as an argument." },
  },
  create: (context) => ({
    NewExpression(node) {
      const isDate = node.callee.type === "Identifier" && node.callee.name === "Date";
      if (isDate && node.arguments.length === 0) {
        context.report({ node, messageId: "clock" });
      }
    },
    CallExpression(node) {
      if (node.callee.type === "Identifier" && node.callee.name === "Date") {
        context.report({ node, messageId: "clock" });
      }
    },
  }),
};
