/** The types of a lint rule. oxlint exports none by name, so they are read off its rule tester. */
import type { RuleTester } from "oxlint/plugins-dev";

type AnyRule = Parameters<RuleTester["run"]>[1];

export type Rule = Exclude<AnyRule, { createOnce: unknown }>;

type Visitor = ReturnType<Rule["create"]>;
type Call = Parameters<NonNullable<Visitor["CallExpression"]>>[0];

type Binary = Extract<Call["callee"], { type: "BinaryExpression" }>;

/** A callee, an argument or an operand: any expression. */
export type Expression = Call["callee"] | Call["arguments"][number] | Binary["left"];
