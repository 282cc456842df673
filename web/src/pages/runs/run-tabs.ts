/** Tabs of a run's page; apart from it, because addresses are read before the page is loaded. */
export const runTabs = ["logs", "result", "input", "attempts"] as const;
export type RunTab = (typeof runTabs)[number];
