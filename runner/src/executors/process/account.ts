/** The account that jobs without a container run as. */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Looks the name up in `/etc/passwd`; a sentence for people when the runner cannot run anything as that account. */
export function findAccount(name: string, passwd = readFileSync("/etc/passwd", "utf8")): Account | string {
  const line = passwd.split("\n").find((entry) => entry.startsWith(`${name}:`));
  const [, , uid = "", gid = ""] = line?.split(":") ?? [];
  if (!/^\d+$/.test(uid) || !/^\d+$/.test(gid)) {
    return `The account ${name} is not in /etc/passwd.`;
  }
  const account = { name, uid: Number(uid), gid: Number(gid) };
  const own = userInfo();
  if (own.uid !== 0 && own.uid !== account.uid) {
    return `The runner is ${own.username} and cannot become ${name}: start it as root, or name its own account.`;
  }
  return account;
}
