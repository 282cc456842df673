/**
 * Several commands for the same attempt, decided one after another in memory and written once.
 *
 * A short job says `started`, `exited` and `done` within a millisecond. Each is decided against what the one before it
 * left, as it would be in turns of their own; but the run and its attempt are read once and written once, and what
 * others are told of is the last state. Commands for different runs do not see one another, so it does not matter
 * that they are written in the order in which their runs were first named.
 */
import type { AttemptRef, Json } from "@cronium/protocol";
import { decide, type Command } from "../../domain/run-machine.ts";
import type { Reply, RunState, Step } from "../../domain/run-step.ts";
import { readState } from "./run-rows.ts";
import { circumstances, saveStep } from "./runs.ts";
import type { Shell, Turn } from "./shell.ts";

interface Link {
  readonly ref: AttemptRef;
  /** May depend on what the commands before it have left. */
  readonly command: Command | ((state: RunState) => Command);
  readonly output: Json | undefined;
  readonly answer: (reply: Reply, after: RunState | null) => void;
}

export class StepChain {
  readonly #shell: Shell;
  readonly #turn: Turn;
  /** By run. */
  readonly #links = new Map<string, Link[]>();

  constructor(shell: Shell, turn: Turn) {
    this.#shell = shell;
    this.#turn = turn;
  }

  /** `answer` is called when the chain is settled. `output` is kept if the rules say so. */
  add(ref: AttemptRef, command: Link["command"], answer: Link["answer"], output?: Json): void {
    const link = { ref, command, output, answer };
    const others = this.#links.get(ref.runId);
    if (others === undefined) {
      this.#links.set(ref.runId, [link]);
    } else {
      others.push(link);
    }
  }

  /** Decides and writes what was added. Whatever reads runs or attempts otherwise comes after this. */
  settle(): void {
    for (const links of this.#links.values()) {
      for (let at = 0; at < links.length;) {
        const { attempt } = links[at]?.ref ?? {};
        const end = links.findIndex((link, i) => i > at && link.ref.attempt !== attempt);
        const same = links.slice(at, end === -1 ? undefined : end);
        this.#decideAll(same);
        at += same.length;
      }
    }
    this.#links.clear();
  }

  /** Commands that all name one attempt. */
  #decideAll(links: readonly Link[]): void {
    const ref = links[0]?.ref;
    const before = ref === undefined ? null : readState(this.#shell, ref.runId, ref.attempt);
    if (before === null) {
      for (const link of links) {
        link.answer({ kind: "stale", code: "stale_attempt" }, null);
      }
      return;
    }
    let state: RunState = before;
    let cancelJob: Step["cancelJob"];
    let output: Json | undefined;
    for (const link of links) {
      const command = typeof link.command === "function" ? link.command(state) : link.command;
      const step = decide(state, command, circumstances(this.#shell, this.#turn));
      state = { run: step.run, attempt: step.attempt };
      cancelJob = step.cancelJob ?? cancelJob;
      output = step.keepOutput === true ? (link.output ?? output) : output;
      link.answer(step.reply, state);
    }
    const whole: Step = { ...state, reply: { kind: "none" }, ...(cancelJob === undefined ? {} : { cancelJob }) };
    saveStep(this.#shell, this.#turn, before, whole);
    if (output !== undefined && output !== null) {
      this.#shell.sql.exec("UPDATE payloads SET output = ? WHERE run_id = ?", JSON.stringify(output), before.run.id);
    }
  }
}
