import { Tabs as Base } from "@base-ui/react/tabs";
import type { ReactNode } from "react";
import { classes } from "./classes.ts";

export interface TabsProps<T extends string> {
  readonly value: T;
  readonly onChange: (value: T) => void;
  readonly tabs: readonly { readonly value: T; readonly label: string; readonly count?: number }[];
  readonly label: string;
  /** Stands at the right end of the line of tabs. */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
  /** The shown panel fills the height that is left. */
  readonly fill?: boolean;
}

export function Tabs<T extends string>({
  value,
  onChange,
  tabs,
  label,
  aside,
  children,
  fill,
}: TabsProps<T>): ReactNode {
  return (
    <Base.Root
      value={value}
      onValueChange={(next: T) => onChange(next)}
      className={classes("flex flex-col", fill === true && "flex-1")}
    >
      <div className="flex items-end gap-3 border-b border-line px-4 lg:px-6">
        <Base.List aria-label={label} className="-mb-px flex gap-4 overflow-x-auto">
          {tabs.map((tab) => (
            <Base.Tab
              key={tab.value}
              value={tab.value}
              className="hit h-9 shrink-0 border-b-2 border-transparent px-0.5 text-13 text-dim -outline-offset-2 transition-colors duration-100 hover:text-text data-active:border-text data-active:font-medium data-active:text-text"
            >
              {tab.label}
              {tab.count === undefined ? null : <span className="ml-1.5 text-faint">{tab.count}</span>}
            </Base.Tab>
          ))}
        </Base.List>
        {aside === undefined ? null : <div className="ml-auto flex items-center gap-2 py-1">{aside}</div>}
      </div>
      {children}
    </Base.Root>
  );
}

export function TabPanel(props: {
  readonly value: string;
  readonly children: ReactNode;
  readonly className?: string;
}): ReactNode {
  return (
    <Base.Panel value={props.value} className={classes("outline-none", props.className)}>
      {props.children}
    </Base.Panel>
  );
}
