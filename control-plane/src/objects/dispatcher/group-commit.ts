/**
 * Puts what arrives close together into one turn: one transaction, one pump, one write to disk.
 *
 * Writing to disk is the dearest step of a decision, and workerd does it on its only thread. So while things arrive
 * quickly they wait up to 2 ms for company; alone, each is decided at once.
 *
 * Example: calls at 0.0, 0.4, 0.7 and 1.1 ms. The first finds nobody before it and is committed at once, the second
 * too, for one caller after another is no crowd; the third and fourth wait, and whatever else comes until 2.7 ms goes
 * with them. Frames wait as soon as the one before was less than 2 ms ago: a runner that says `exited` says `done` next.
 * Whoever is decided at once takes along all that wait, so order among frames and among calls is always kept.
 *
 * One that fails undoes nobody else: the turn is rolled back as a whole, and then each gets a turn of its own.
 */
import type { Shell, Turn } from "./shell.ts";
import { StepChain } from "./step-chain.ts";
import { inTurn } from "./turns.ts";

const WINDOW_MS = 2;
/** Longer turns would keep other events waiting. */
const MOST = 256;

export interface Work {
  /** Decides within a turn that others share; may be called a second time after a rollback. */
  decide(turn: Turn, chain: StepChain): void;
  /** Called after the commit; what it sends is held back until that is on disk. */
  committed(): void;
  failed(error: unknown): void;
}

export class GroupCommit {
  readonly #shell: Shell;
  #waiting: Work[] = [];
  #timed = false;
  #frameAt = Number.NEGATIVE_INFINITY;
  #callAt = Number.NEGATIVE_INFINITY;
  #callBeforeAt = Number.NEGATIVE_INFINITY;

  constructor(shell: Shell) {
    this.#shell = shell;
  }

  /** A call of the object: resolves after its commit with what `decide` returned, rejects with what it threw. */
  call<T>(decide: (turn: Turn) => T): Promise<T> {
    const now = this.#shell.deps.clock.now();
    const crowded = now - this.#callBeforeAt <= WINDOW_MS;
    this.#callBeforeAt = this.#callAt;
    this.#callAt = now;
    return new Promise((resolve, reject) => {
      let value: T;
      this.#add(crowded, {
        decide: (turn) => {
          value = decide(turn);
        },
        committed: () => resolve(value),
        failed: reject,
      });
    });
  }

  frame(work: Work): void {
    const now = this.#shell.deps.clock.now();
    const crowded = now - this.#frameAt <= WINDOW_MS;
    this.#frameAt = now;
    this.#add(crowded, work);
  }

  /** Decides everything that waits, now. */
  flush(): void {
    const works = this.#waiting;
    this.#waiting = [];
    if (works.length === 0 || this.#commit(works)) {
      return;
    }
    for (const work of works) {
      this.#commit([work]);
    }
  }

  #add(crowded: boolean, work: Work): void {
    this.#waiting.push(work);
    if (!crowded || this.#waiting.length >= MOST) {
      this.flush();
    } else if (!this.#timed) {
      this.#timed = true;
      void scheduler.wait(WINDOW_MS).then(() => {
        this.#timed = false;
        this.flush();
      });
    }
  }

  /** False when several failed together, and nothing is decided yet. */
  #commit(works: readonly Work[]): boolean {
    try {
      inTurn(this.#shell, (turn) => {
        turn.size = works.length;
        const chain = new StepChain(this.#shell, turn);
        for (const work of works) {
          work.decide(turn, chain);
        }
        chain.settle();
      });
    } catch (error) {
      if (works.length > 1) {
        this.#shell.deps.log.warn("turn.split", { size: works.length, error: String(error) });
        return false;
      }
      works[0]?.failed(error);
      return true;
    }
    for (const work of works) {
      work.committed();
    }
    return true;
  }
}
