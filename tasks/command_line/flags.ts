/** From rows of the table of settings to the flags of a command. */

import { type Command, InvalidArgumentError, Option } from "npm:commander@15.1.0";
import { argumentOf, type CommandName, type Setting } from "../../src/settings/setting.ts";
import { flagName, rowsOf, SETTINGS, type SettingTable } from "../../src/settings/table.ts";
import { refusalOf } from "../../src/text/kinds.ts";

/** Adds the flags of all settings that the command of a name reads. */
export function addFlags(
  command: Command,
  name: CommandName,
  table: SettingTable = SETTINGS,
): void {
  for (const [key, row] of rowsOf(name, table)) {
    for (const option of optionsOf(key, row)) command.addOption(option);
  }
}

/** The flag of a setting, or the two of one that can be switched on and off. */
function optionsOf(name: string, row: Setting): Option[] {
  const { kind, switch: way = "on" } = row;
  const argument = argumentOf(row);
  const flag = flagName(name, row);
  if (argument === undefined) {
    return [
      ...way === "off" ? [] : [optionOf(`--${flag}`, name, row)],
      ...way === "on" ? [] : [optionOf(`--no-${flag}`, name, row)],
    ];
  }
  const option = optionOf(`--${flag} <${argument}>`, name, row);
  if (kind.choices) return [option.choices([...kind.choices])];
  return [option.argParser((text: string, earlier: unknown) => {
    const value = kind.parse(text);
    if (value === undefined) throw new InvalidArgumentError(capital(refusalOf(kind, text)));
    return kind.repeated && Array.isArray(earlier) && Array.isArray(value)
      ? [...earlier, ...value]
      : value;
  })];
}

function optionOf(flags: string, name: string, row: Setting): Option {
  const option = new Option(flags);
  // Commands may share a flag whose meaning differs; what it comes to goes by the row's name.
  option.attributeName = () => name;
  if (row.conflicts) option.conflicts([...row.conflicts]);
  if (row.default !== undefined && argumentOf(row) !== undefined) {
    option.default(row.default);
  }
  return option;
}

const capital = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
