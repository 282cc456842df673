/** What the Dispatcher offers of secrets and variables. A class for the reason that `hook-methods.ts` gives. */
import type { ValuesApi } from "../../domain/values-api.ts";
import { writeVariable } from "./calls/write-variable.ts";
import { createSecret, deleteSecret, importSecrets, listSecrets, readSecret, replaceSecret } from "./secrets.ts";
import { ShardMethods } from "./shard-methods.ts";
import { inTurn } from "./turns.ts";
import {
  createVariable,
  deleteVariable,
  listVariables,
  nameOfVariable,
  readVariable,
  readVariableVersions,
  setVariable,
} from "./variables.ts";

export abstract class ValueMethods extends ShardMethods implements ValuesApi {
  async listSecrets(eventId: string | undefined): ReturnType<ValuesApi["listSecrets"]> {
    return listSecrets(this.shell, eventId);
  }

  async getSecret(secretId: string): ReturnType<ValuesApi["getSecret"]> {
    return readSecret(this.shell, secretId);
  }

  async createSecret(command: Parameters<ValuesApi["createSecret"]>[0]): ReturnType<ValuesApi["createSecret"]> {
    return inTurn(this.shell, (turn) => createSecret(this.shell, turn, command));
  }

  async replaceSecret(command: Parameters<ValuesApi["replaceSecret"]>[0]): ReturnType<ValuesApi["replaceSecret"]> {
    return inTurn(this.shell, (turn) => replaceSecret(this.shell, turn, command));
  }

  async deleteSecret(command: Parameters<ValuesApi["deleteSecret"]>[0]): ReturnType<ValuesApi["deleteSecret"]> {
    return inTurn(this.shell, (turn) => deleteSecret(this.shell, turn, command));
  }

  async importSecrets(command: Parameters<ValuesApi["importSecrets"]>[0]): ReturnType<ValuesApi["importSecrets"]> {
    return inTurn(this.shell, (turn) => importSecrets(this.shell, turn, command));
  }

  async listVariables(eventId: string | undefined): ReturnType<ValuesApi["listVariables"]> {
    return listVariables(this.shell, eventId);
  }

  async getVariable(variableId: string): ReturnType<ValuesApi["getVariable"]> {
    return readVariable(this.shell, variableId);
  }

  async listVariableVersions(variableId: string): ReturnType<ValuesApi["listVariableVersions"]> {
    return readVariableVersions(this.shell, variableId);
  }

  async createVariable(command: Parameters<ValuesApi["createVariable"]>[0]): ReturnType<ValuesApi["createVariable"]> {
    return writeVariable(this.shell, command.variable.name, (turn) => createVariable(this.shell, turn, command));
  }

  async setVariable(command: Parameters<ValuesApi["setVariable"]>[0]): ReturnType<ValuesApi["setVariable"]> {
    const name = nameOfVariable(this.shell, command.variableId);
    return writeVariable(this.shell, name, (turn) => setVariable(this.shell, turn, command));
  }

  async deleteVariable(command: Parameters<ValuesApi["deleteVariable"]>[0]): ReturnType<ValuesApi["deleteVariable"]> {
    const name = nameOfVariable(this.shell, command.variableId);
    return writeVariable(this.shell, name, (turn) => deleteVariable(this.shell, turn, command));
  }
}
