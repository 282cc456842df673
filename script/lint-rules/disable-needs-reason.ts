import type { Rule } from "./rule.ts";

const DISABLE = /^\s*(?:ox|es)lint-disable(?:-next-line|-line)?(?:\s|$)/u;
const SUPPRESSION = /^\s*@ts-(?:ignore|expect-error|nocheck)\b/u;
const REASON = /\s--\s+\S.{7,}/su;

/** A switched-off check says why: `// oxlint-disable-next-line rule -- reason`. */
export const disableNeedsReason: Rule = {
  meta: {
    type: "problem",
    messages: { reason: "Say why this check is off: append ` -- reason` to the comment." },
  },
  create: (context) => ({
    Program() {
      for (const comment of context.sourceCode.getAllComments()) {
        const switchesOff = DISABLE.test(comment.value) || SUPPRESSION.test(comment.value);
        if (switchesOff && !REASON.test(comment.value)) {
          context.report({ loc: comment.loc, messageId: "reason" });
        }
      }
    },
  }),
};
