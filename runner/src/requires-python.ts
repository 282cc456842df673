/**
 * Whether a Python fits what a script asks for: `>=3.9,<4`, as PEP 440 has it. Only the first two numbers of the
 * interpreter are known, so a clause is held against it only where the third cannot change the answer.
 */
const CLAUSE = /^(>=|<=|==|!=|~=|>|<)\s*(\d+)(?:\.(\d+))?((?:\.\d+)*)(\.\*)?$/;

/**
 * Why it does not fit, as a sentence; null when it does. `wanted` is null where the header holds no text. A Python that is
 * not `known` (an image of the user's own) fits whatever is asked, as long as it is asked rightly.
 */
export function pythonMisfit(wanted: string | null, python: readonly [number, number], known: boolean): string | null {
  const clauses = (wanted ?? "").split(",").map((clause) => clause.trim());
  if (wanted === null || clauses.some((clause) => !CLAUSE.test(clause))) {
    const shown = wanted === null ? "no text" : JSON.stringify(wanted.slice(0, 200));
    return `The requires-python of the script's header is ${shown}; it must be versions such as ">=3.9,<4".`;
  }
  const bad = known ? clauses.find((clause) => !mayFit(clause, python)) : undefined;
  return bad === undefined
    ? null
    : `The script asks for Python ${wanted}, and the built-in image has ${python.join(".")}. Change requires-python in its header, or give the event an image of your own (container.image).`;
}

function mayFit(clause: string, python: readonly [number, number]): boolean {
  const [, operator, major = "0", minor, rest = "", wildcard] = CLAUSE.exec(clause) ?? [];
  const wanted = [Number(major), Number(minor ?? 0)] as const;
  const order = python[0] - wanted[0] || python[1] - wanted[1];
  const isExact = rest.replaceAll(".", "").replaceAll("0", "") === "";
  switch (operator) {
    case ">=":
      return order >= 0;
    case "<=":
      // 3.13.5 is more than 3.13.
      return rest === "" ? order < 0 : order <= 0;
    case ">":
      // 3.13.5 is more than 3.13 as well.
      return order >= 0;
    case "<":
      return order < 0 || (order === 0 && !isExact);
    case "==":
      return minor === undefined && wildcard !== undefined ? python[0] === wanted[0] : order === 0;
    case "!=":
      return !(wildcard !== undefined && (minor === undefined ? python[0] === wanted[0] : order === 0 && rest === ""));
    case "~=":
      return rest === "" ? python[0] === wanted[0] && order >= 0 : order === 0;
    default:
      return true;
  }
}
