/** The settings of a job's container as the form holds them: a text for each that differs from the default. */
import type { ContainerSettings } from "@cronium/protocol/container";
import { containerDefaults, networkModes, pullPolicies } from "@cronium/protocol/container-defaults";
import { t } from "../lib/text.ts";

/** Whole numbers, but for processors; no text means the default. */
export const containerNumbers = [
  "cpus",
  "pids",
  "files",
  "tmpMb",
  "diskMb",
  "diskReadMbps",
  "diskWriteMbps",
  "egressKbps",
  "logCapMb",
] as const;
export const containerChoices = {
  pull: pullPolicies,
  isolated: ["false", "true"],
  reuse: ["false", "true"],
  log: ["kept", "none"],
  logOverflow: ["drop", "kill"],
  executor: ["container", "process"],
  /** Milliseconds; the API takes any number up to a day. */
  keepFailedMs: ["0", "600000", "3600000", "28800000", "86400000"],
} as const;

export type ContainerNumber = (typeof containerNumbers)[number];
export type ContainerChoice = keyof typeof containerChoices;
export type ContainerField = ContainerNumber | ContainerChoice | "image" | "mode" | "hosts" | "packages";
export type ContainerTexts = Partial<Record<ContainerField, string>>;

export const modes = networkModes;

/** One text for all of them, so that the form can tell whether anything differs; `{}` when nothing does. */
export function containerText({ network, ...settings }: ContainerSettings): string {
  const texts: ContainerTexts = {};
  for (const [field, value] of Object.entries(settings)) {
    const text = Array.isArray(value) ? value.join("\n") : String(value ?? "");
    setText(texts, field as ContainerField, text);
  }
  setText(texts, "mode", network?.mode ?? "none");
  setText(texts, "hosts", network?.mode === "allowlist" ? network.hosts.join("\n") : "");
  return JSON.stringify(texts, Object.keys(texts).toSorted());
}

export function containerTexts(text: string): ContainerTexts {
  return JSON.parse(text) as ContainerTexts;
}

export function withContainerText(text: string, field: ContainerField, value: string): string {
  const texts = { ...containerTexts(text) };
  setText(texts, field, value);
  return JSON.stringify(texts, Object.keys(texts).toSorted());
}

/** What a field shows when nothing was set. */
export function defaultText(field: ContainerField): string {
  switch (field) {
    case "mode":
      return "none";
    case "hosts":
    case "packages":
      return "";
    default:
      return String(containerDefaults[field] ?? "");
  }
}

function setText(texts: ContainerTexts, field: ContainerField, value: string): void {
  if (value === defaultText(field) || value === "") {
    delete texts[field];
  } else {
    texts[field] = value;
  }
}

export type ReadContainer =
  | { readonly ok: true; readonly settings: ContainerSettings }
  | { readonly ok: false; readonly message: string };

/** Checks that numbers are numbers; the API has the last word. */
export function readContainer(text: string): ReadContainer {
  const { image, mode, hosts = "", packages = "", ...rest } = containerTexts(text);
  const settings: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(rest)) {
    const isNumber = (containerNumbers as readonly string[]).includes(field);
    if (isNumber && !/^\d+(?:\.\d+)?$/.test(value.trim())) {
      return { ok: false, message: t("container.number", t(`container.${field as ContainerNumber}`)) };
    }
    settings[field] = isNumber || field === "keepFailedMs" ? Number(value) : isSwitch(field) ? value === "true" : value;
  }
  if (image !== undefined) {
    settings["image"] = image.trim();
  }
  if (mode !== undefined) {
    settings["network"] = mode === "allowlist" ? { mode, hosts: lines(hosts) } : { mode };
  }
  if (packages.trim() !== "") {
    settings["packages"] = lines(packages);
  }
  return { ok: true, settings: settings as ContainerSettings };
}

function isSwitch(field: string): boolean {
  return field === "isolated" || field === "reuse";
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
