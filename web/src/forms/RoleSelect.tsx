import { mayGrant } from "@cronium/protocol/access";
import { type Role, roles } from "@cronium/protocol/roles";
import type { ComponentProps, ReactNode } from "react";
import { t } from "../lib/text.ts";
import { Select } from "../ui/Field.tsx";

export interface RoleSelectProps extends Omit<ComponentProps<"select">, "onChange" | "value"> {
  readonly value: Role;
  /** Only what somebody with this role may hand out is offered, and what is chosen already. */
  readonly by: Role;
  /** Whether one's own role may be chosen too, as for one's own keys. */
  readonly own?: boolean;
  readonly onChoose: (role: Role) => void;
}

export function RoleSelect({ value, by, own = false, onChoose, ...rest }: RoleSelectProps): ReactNode {
  const offered = own ? roles.slice(roles.indexOf(by)) : roles.filter((role) => role === value || mayGrant(by, role));
  return (
    <Select
      value={value}
      onChange={(event) => {
        const chosen = roles.find((role) => role === event.target.value);
        if (chosen !== undefined) {
          onChoose(chosen);
        }
      }}
      {...rest}
    >
      {offered.map((role) => (
        <option key={role} value={role}>
          {t(`role.${role}`)}
        </option>
      ))}
    </Select>
  );
}
