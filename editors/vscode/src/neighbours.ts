import * as vscode from "vscode";
import { section } from "./settings.js";

/** Extensions that bring the tools that the setting shale.defer knows. */
const neighbours: { tool: string; name: string; extensions: string[] }[] = [
  { tool: "hadolint", name: "hadolint", extensions: ["exiasr.hadolint"] },
  { tool: "dockerls", name: "The Dockerfile support of another extension", extensions: ["ms-azuretools.vscode-docker", "ms-azuretools.vscode-containers"] },
  { tool: "docker", name: "Docker's own language server", extensions: ["docker.docker"] },
];

/** Asks, once for each tool, whether what another extension covers is left to it. */
export async function askToDefer(memory: vscode.Memento): Promise<void> {
  for (const n of neighbours) {
    const asked = `defer.${n.tool}`;
    const chosen = section().get<string[]>("defer", []);
    if (chosen.includes(n.tool) || memory.get(asked, false) || !n.extensions.some((id) => vscode.extensions.getExtension(id))) {
      continue;
    }
    const yes = "Leave It to Them";
    const answer = await vscode.window.showInformationMessage(
      `${n.name} runs on Dockerfiles too. Shall Shale leave to it what it covers, so that nothing shows twice?`,
      yes,
      "Show Both",
    );
    if (answer === undefined) {
      continue; // not answered: another time
    }
    await memory.update(asked, true);
    if (answer === yes) {
      await section().update("defer", [...chosen, n.tool], vscode.ConfigurationTarget.Global);
    }
  }
}
