import { Check, Copy } from "lucide-react";
import { type ReactNode, useState } from "react";
import { copyText } from "../lib/clipboard.ts";
import { t } from "../lib/text.ts";
import { buttonClasses } from "../ui/Button.tsx";
import { icon } from "../ui/icons.ts";
import { Menu, MenuItem } from "../ui/Menu.tsx";

export interface CopyForm {
  readonly label: string;
  readonly text: () => string;
}

/** "Copy as …": the same action for a terminal or a program. */
export function CopyAs({ forms }: { readonly forms: readonly CopyForm[] }): ReactNode {
  const [copied, setCopied] = useState(false);
  const copy = async (text: string): Promise<void> => {
    setCopied(await copyText(text));
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <Menu
      align="end"
      trigger={
        <button type="button" className={buttonClasses("ghost")}>
          {copied ? <Check {...icon} /> : <Copy {...icon} />}
          {copied ? t("action.copied") : t("copy.label")}
        </button>
      }
    >
      {forms.map((form) => (
        <MenuItem
          key={form.label}
          onClick={() => {
            void copy(form.text());
          }}
        >
          {form.label}
        </MenuItem>
      ))}
    </Menu>
  );
}
