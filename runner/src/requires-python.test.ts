import { test } from "vitest";
import { pythonMisfit } from "./requires-python.ts";

test("versions that the image has are taken", ({ expect }) => {
  for (const wanted of [
    ">=3.9",
    ">= 3.13",
    ">=3.13.9",
    ">=3.9,<4",
    ">=3",
    "==3.*",
    "==3.13.*",
    "==3.13.5",
    "~=3.11",
    "~=3.13.2",
    "!=3.12.*",
    "!=3.13.4",
    "<3.13.9",
    "<=3.13.9",
    ">3.12",
    "<3.14",
  ]) {
    expect([wanted, pythonMisfit(wanted, [3, 13], true)]).toEqual([wanted, null]);
  }
});

test("versions that it cannot have are refused with both named", ({ expect }) => {
  for (const wanted of [
    ">=3.14",
    ">3.13,<3.13",
    "<3.13",
    "<3.13.0",
    "<=3.12",
    "==3.12.*",
    "==2.*",
    "~=3.14",
    "~=3.12.1",
    "~=2.7",
    "!=3.13.*",
    "!=3.*",
    ">=3.9,<3.12",
    ">=4",
  ]) {
    expect([wanted, pythonMisfit(wanted, [3, 13], true)]).toEqual([
      wanted,
      expect.stringMatching(/asks for Python .*built-in image has 3\.13\./),
    ]);
    expect([wanted, pythonMisfit(wanted, [3, 13], false)]).toEqual([wanted, null]);
  }
});

test("what is no version is refused, whoever's Python it is", ({ expect }) => {
  for (const wanted of ["", "3.13", ">=three", ">=3.9,", "=>3.9", ">=3.9; os", null]) {
    expect([wanted, pythonMisfit(wanted, [3, 13], false)]).toEqual([
      wanted,
      expect.stringContaining("requires-python"),
    ]);
  }
});
