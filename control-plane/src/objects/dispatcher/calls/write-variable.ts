/** A write of a variable by people or programs. */
import { hasVariables } from "../handed-values.ts";
import { tellShards } from "../shard-news.ts";
import type { Shell, Turn } from "../shell.ts";
import { tellRulesNow } from "../tell.ts";
import { inTurn } from "../turns.ts";
import { beginWrite } from "./readers.ts";

/**
 * Decided once no job uses the old value any more. The first variable, and the end of the last one, are told to the
 * shards before they are answered. `name` null: there is no such variable, and `change` will say so.
 */
export async function writeVariable<T>(shell: Shell, name: string | null, change: (turn: Turn) => T): Promise<T> {
  const { clear, end } = beginWrite(shell, name ?? "");
  try {
    await clear;
    const before = hasVariables(shell.sql);
    const outcome = inTurn(shell, (turn) => {
      const done = change(turn);
      if (hasVariables(shell.sql) !== before) {
        tellShards(shell, turn, "rules");
      }
      return done;
    });
    if (hasVariables(shell.sql) !== before) {
      await tellRulesNow(shell);
    }
    return outcome;
  } finally {
    end();
  }
}
