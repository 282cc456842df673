import { test } from "vitest";
import { isImageAllowed, registryOf } from "./image-policy.ts";

const DIGEST = `sha256:${"a1".repeat(32)}`;

test.for([
  [["python"], "python:3.13", true],
  [["python"], `python@${DIGEST}`, true],
  [["python:3.13"], "docker.io/library/python:3.13", true],
  [["python:3.13"], "python:3.12", false],
  [["python"], "python-evil:1", false],
  [["python"], "evil/python:1", false],
  [["ghcr.io/team/*"], "ghcr.io/team/app:1", true],
  [["ghcr.io/team/*"], "ghcr.io/team/sub/app:1", true],
  [["ghcr.io/team/*"], "ghcr.io/teamevil/app:1", false],
  [["ghcr.io/team/*"], "evil.org/ghcr.io/team/app:1", false],
  [["ghcr.io/team/app:v*"], "ghcr.io/team/app:v2", true],
  [["ghcr.io/team/app:v*"], "ghcr.io/team/app:latest", false],
  [["a.b/c"], "axb/c:1", false],
  [["*"], "anything:1", true],
  [[], "python:3.13", false],
] as const)("T9 %j covers %s: %s", ([patterns, image, allowed], { expect }) => {
  expect(isImageAllowed(patterns, image)).toBe(allowed);
});

test("a registry is told from a user's name", ({ expect }) => {
  expect(["python", "team/app:1", "ghcr.io/team/app", "localhost/app", "h:5000/app"].map(registryOf)).toEqual([
    "docker.io",
    "docker.io",
    "ghcr.io",
    "localhost",
    "h:5000",
  ]);
});
