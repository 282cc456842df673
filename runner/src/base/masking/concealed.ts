/** What one attempt's log must not show; the automaton is made when the first bytes come, away from the start of the job. */
import { isMaskable, needlesOf } from "./needles.ts";
import { NeedleTrie } from "./needle-trie.ts";

export class Concealed {
  private readonly secrets = new Set<string>();
  private readonly tokens = new Set<string>();
  private changed = false;

  /** Names of those that cannot be hidden. `tokens` are hidden only as they are: nobody encodes them. */
  add(secrets: Readonly<Record<string, string>>, tokens: readonly string[]): string[] {
    const tooShort: string[] = [];
    for (const [name, value] of Object.entries(secrets)) {
      if (isMaskable(value)) {
        this.changed ||= !this.secrets.has(value);
        this.secrets.add(value);
      } else if (value.trim() !== "") {
        tooShort.push(name);
      }
    }
    for (const token of tokens) {
      this.changed ||= !this.tokens.has(token);
      this.tokens.add(token);
    }
    return tooShort;
  }

  /** The automaton for all values, if some came since it was asked for; else null. */
  news(): NeedleTrie | null {
    if (!this.changed) {
      return null;
    }
    this.changed = false;
    return new NeedleTrie([...needlesOf(this.secrets), ...[...this.tokens].map((token) => Buffer.from(token))]);
  }
}
