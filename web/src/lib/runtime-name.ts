const NAMES: Readonly<Record<string, string>> = { python: "Python", node: "Node", bash: "Bash" };

export function runtimeName(runtime: string): string {
  return NAMES[runtime] ?? runtime;
}
