import { describe, test } from "vitest";
import { EventDefinitionInput } from "@cronium/protocol";
import type * as z from "zod";
import { packagesOf } from "./packages.ts";

function of(script: string, more: Partial<z.input<typeof EventDefinitionInput>> = {}) {
  return packagesOf(EventDefinitionInput.parse({ kind: "script", runtime: "python", script, ...more }));
}

const header = (...lines: string[]): string =>
  `#!/usr/bin/env python3\n# /// script\n${lines.map((line) => `# ${line}\n`).join("")}# ///\nprint(1)\n`;

describe("the header of a Python script (PEP 723)", () => {
  test("names packages, in one order and once each", ({ expect }) => {
    const script = header(
      'requires-python = ">=3.9"',
      "dependencies = [",
      '  "rich",  # colours',
      "  'requests[socks] >=2, <3; python_version > \"3.8\"',",
      '  "rich",',
      "]",
    );
    expect(of(script)).toEqual({ ok: true, names: ['requests[socks] >=2, <3; python_version > "3.8"', "rich"] });
    expect(of(script.replaceAll("\n", "\r\n"))).toEqual(of(script));
  });

  test("asks for a Python that the image has, or an image of one's own", ({ expect }) => {
    const script = header('requires-python = ">=3.14"', "dependencies = ['rich']");
    expect(of(script)).toMatchObject({ ok: false, message: expect.stringMatching(/Python >=3\.14.*has 3\.13/) });
    expect(of(script, { container: { image: "python:3.14" } })).toEqual({ ok: true, names: ["rich"] });
    expect(of(header("requires-python = 3.9"))).toMatchObject({ ok: false });
    expect(of(header("[tool]", 'requires-python = ">=4"'))).toEqual({ ok: true, names: [] });
  });

  test("is not needed, and may name none", ({ expect }) => {
    expect(of("print(1)")).toEqual({ ok: true, names: [] });
    expect(of(header('requires-python = ">=3.9"'))).toEqual({ ok: true, names: [] });
    expect(of(header("dependencies = []"))).toEqual({ ok: true, names: [] });
    expect(of("# /// other\n# dependencies = ['a']\n# ///\n")).toEqual({ ok: true, names: [] });
    expect(of(header("[tool.uv]", 'dependencies = ["hidden"]'))).toEqual({ ok: true, names: [] });
  });

  test.for([
    "git+https://example.com/x",
    "x @ https://example.com/x.whl",
    "--index-url=https://example.com",
    "-r file",
    "../x",
    "/x",
    "x; y @ z",
    "",
    "x".repeat(300),
  ])("does not take %j, which no index answers for", (name, { expect }) => {
    expect(of(header(`dependencies = [${JSON.stringify(name)}]`))).toMatchObject({
      ok: false,
      message: expect.stringContaining("not a package with versions"),
    });
  });

  test.for(['dependencies = "x"', "dependencies = [1]", 'dependencies = [["x"]]', 'dependencies = ["x"'])(
    "is refused where the list is none: %s",
    (line, { expect }) => {
      expect(of(header(line))).toMatchObject({ ok: false, message: expect.stringContaining("list of texts") });
    },
  );

  test("is refused twice in one script", ({ expect }) => {
    expect(of(header("dependencies = []") + header("dependencies = []"))).toMatchObject({ ok: false });
  });
});

describe("the packages of an event", () => {
  const container = { packages: ["zod@^4", "@scope/a", "zod@^4"] };

  test("are those of Node", ({ expect }) => {
    expect(of("x", { runtime: "node", container })).toEqual({ ok: true, names: ["@scope/a", "zod@^4"] });
  });

  test.for(["python", "bash"] as const)("are refused for %s", (runtime, { expect }) => {
    expect(of("x", { runtime, container })).toMatchObject({ ok: false });
  });
});
