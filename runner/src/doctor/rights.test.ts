import { describe, test } from "vitest";
import { ownRights, rightsFindings, type Rights } from "./rights.ts";

const all: Rights = { netAdmin: true, sysAdmin: true, root: true, missing: [], loop: true };

describe("B48 what the runner may not do", () => {
  test("is nothing for root on a machine that has everything", ({ expect }) => {
    expect(rightsFindings(all).map(({ level }) => level)).toEqual(["ok", "ok"]);
  });

  test.for<[string, Partial<Rights>, number, RegExp, RegExp]>([
    ["an account without rights", { root: false, netAdmin: false, sysAdmin: false }, 2, /bridge network reach/, /root/],
    ["no iptables", { missing: ["iptables"] }, 1, /^iptables is missing: .*bridge/, /apt-get install iptables/],
    [
      "no tools for disks",
      { missing: ["mkfs.ext4", "mount"] },
      1,
      /mkfs\.ext4, mount are missing: .*diskMb/,
      /e2fsprogs mount/,
    ],
    ["no loop devices", { loop: false }, 1, /no loop devices: .*diskMb/, /modprobe loop/],
    ["root in a container", { sysAdmin: false }, 1, /may not mount disks.*diskMb/, /on the machine itself/],
  ])("%s: jobs run, and what they lose is named with the way to it", ([, lack, notes, what, fix], { expect }) => {
    const findings = rightsFindings({ ...all, ...lack }).filter(({ level }) => level !== "ok");

    expect(findings).toHaveLength(notes);
    expect(findings.every(({ ok }) => ok)).toBe(true);
    expect(findings.some((finding) => what.test(finding.what) && fix.test(finding.fix))).toBe(true);
  });
});

test("programs are looked for in the path and where the system keeps them", ({ expect }) => {
  const { missing, root } = ownRights("/nonexistent");
  expect(root).toBe(process.getuid?.() === 0);
  expect(missing).toContain("mount");
});
