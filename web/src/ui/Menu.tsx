import { Menu as Base } from "@base-ui/react/menu";
import { Check } from "lucide-react";
import type { ReactElement, ReactNode } from "react";
import { classes } from "./classes.ts";

export interface MenuProps {
  readonly trigger: ReactElement;
  readonly children: ReactNode;
  readonly align?: "start" | "end";
  readonly side?: "bottom" | "top";
}

export function Menu({ trigger, children, align = "start", side = "bottom" }: MenuProps): ReactNode {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={4} align={align} side={side} className="z-50 outline-none">
          <Base.Popup className="min-w-40 rounded-layer border border-line bg-layer p-1 shadow-layer outline-none transition-opacity duration-160 data-ending-style:opacity-0 data-starting-style:opacity-0">
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

const ITEM =
  "flex min-h-8 w-full cursor-pointer items-center gap-2 rounded-control px-2 text-13 outline-none select-none data-highlighted:bg-active pointer-coarse:min-h-11";

export interface MenuItemProps {
  readonly onClick?: () => void;
  readonly icon?: ReactNode;
  readonly children: ReactNode;
}

export function MenuItem({ onClick, icon, children }: MenuItemProps): ReactNode {
  return (
    <Base.Item className={ITEM} {...(onClick === undefined ? {} : { onClick })}>
      {icon}
      {children}
    </Base.Item>
  );
}

export interface MenuChoiceProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly choices: readonly { readonly value: T; readonly label: string; readonly icon?: ReactNode }[];
  readonly onChoose: (value: T) => void;
}

export function MenuChoice<T extends string>({ label, value, choices, onChoose }: MenuChoiceProps<T>): ReactNode {
  return (
    <Base.RadioGroup value={value} onValueChange={(next: T) => onChoose(next)}>
      <Base.Group>
        <Base.GroupLabel className="px-2 pb-1 pt-2 text-11 font-medium text-faint">{label}</Base.GroupLabel>
        {choices.map((choice) => (
          <Base.RadioItem key={choice.value} value={choice.value} className={ITEM}>
            {choice.icon}
            <span className="flex-1">{choice.label}</span>
            <Base.RadioItemIndicator>
              <Check size={16} strokeWidth={1.5} />
            </Base.RadioItemIndicator>
          </Base.RadioItem>
        ))}
      </Base.Group>
    </Base.RadioGroup>
  );
}

export function MenuLine(): ReactNode {
  return <Base.Separator className={classes("my-1 h-px bg-line")} />;
}
