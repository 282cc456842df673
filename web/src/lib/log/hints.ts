/**
 * What a line of a log says of itself, for display alone: the groups that SDKs print, and the levels that loggers
 * usually write. Nothing here has an effect beyond the page; a line that lies about itself is drawn as it says, and every
 * byte of it stays in the log and in its download.
 *
 * Annotations of other systems (`::error::`, `##vso[…]`) mean nothing here.
 */
export const levels = ["error", "warning"] as const;
export type Level = (typeof levels)[number];

/** Characters at the beginning of a line in which a level is looked for. */
const HEAD = 160;
const GROUP = "##[group]";
const GROUP_END = /^##\[endgroup\]\s*$/;
// Of a terminal's sequences only colours stand before a level.
const COLOURS = /\u001b\[[\d;:]*m/g;
const MAYBE = /err|warn|wrn|fatal|panic|crit|severe|emerg|alert|exception|traceback|level"?:[456]0/i;

const ERRORS: readonly RegExp[] = [
  /\b(?:ERROR|FATAL|CRITICAL|SEVERE|PANIC|EMERG|EMERGENCY|ERR!)(?!\w)/,
  /^\s*(?:error|fatal|panic|critical)(?:\s?[[(][^\])]*[\])])?\s?:/i,
  /[[<(](?:error|err|fatal|critical|panic)[\])>]/i,
  /\b(?:level|lvl|severity)["']?\s*[=:]\s*["']?(?:error|err|fatal|critical|panic|emerg|alert)\b/i,
  /"level":[56]0\b/,
  /^[\w.$]*(?:Error|Exception)(?=:|$)/,
  /^\S+:\d+:\s*(?:\d+:\s*)?(?:fatal )?error:/i,
  /^(?:npm error |Uncaught |Unhandled |Exception in thread |Traceback \(most recent call last\):)/,
];

const WARNINGS: readonly RegExp[] = [
  /\b(?:WARN|WARNING|WRN)(?!\w)/,
  /^\s*warn(?:ing)?(?:\s?[[(][^\])]*[\])])?\s?:/i,
  /[[<(]warn(?:ing)?[\])>]/i,
  /\b(?:level|lvl|severity)["']?\s*[=:]\s*["']?warn(?:ing)?\b/i,
  /"level":40\b/,
  /^\S+:\d+:\s*(?:\d+:\s*)?\w*warning:/i,
  /^(?:npm warn |[\w.$]*Warning:)/,
];

/** The level a line names near its beginning; null for none. A guess by the habits of common loggers. */
export function levelOf(text: string): Level | null {
  const raw = text.length > HEAD ? text.slice(0, HEAD) : text;
  if (!MAYBE.test(raw)) {
    return null;
  }
  const head = raw.includes("\u001b") ? raw.replace(COLOURS, "") : raw;
  if (ERRORS.some((pattern) => pattern.test(head))) {
    return "error";
  }
  return WARNINGS.some((pattern) => pattern.test(head)) ? "warning" : null;
}

/** Whether a line goes on with what stands before it, as the lines of a stack trace do: then it has the same level. */
export function continues(text: string): boolean {
  return /^(?:[ \t]+\S|Caused by:)/.test(text);
}

/** What an SDK's group prints around its content: `##[group]title` and `##[endgroup]`, alone on a line of stdout. */
export function foldOf(text: string): "start" | "end" | null {
  if (!text.startsWith("##[")) {
    return null;
  }
  return text.startsWith(GROUP) ? "start" : GROUP_END.test(text) ? "end" : null;
}

/** The title of a line with which a group begins; it may be empty. */
export function groupTitle(text: string): string {
  return text.slice(GROUP.length);
}
