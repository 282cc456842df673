/** A script as its interpreter can read it: editors of other systems leave marks that some of them take for commands. */
import type { Runtime } from "@cronium/protocol";

export interface ScriptText {
  readonly text: string;
  /** What was changed, for the log of the run. */
  readonly notices: readonly string[];
}

/** Lines keep their numbers. */
export function scriptText(runtime: Runtime, script: string): ScriptText {
  let text = script;
  const notices: string[] = [];
  if (text.startsWith("\ufeff")) {
    text = text.slice(1);
    notices.push("the script began with a byte order mark, which was left out");
  }
  // Python and Node read both kinds of line ends; Bash takes the first half for a part of each line.
  if (runtime === "bash" && text.includes("\r\n")) {
    text = text.replaceAll("\r\n", "\n");
    notices.push("the script has line ends of Windows (CRLF), which were read as plain ones");
  }
  return { text, notices };
}
