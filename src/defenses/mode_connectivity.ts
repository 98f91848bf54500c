/**
 * Mode connectivity repair: Zhao et al., "Bridging Mode Connectivity in Loss Landscapes and
 * Adversarial Robustness" (ICLR 2020). A curve of low loss on the clean images is trained between the
 * network and a finetuned copy of it; between its ends lie networks that are as accurate and have
 * less of the backdoor.
 */

import type { Architecture } from "../nn/architecture.ts";
import { type Model, readModel, writeModel } from "../nn/model.ts";
import { floats, withValues } from "../nn/state.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import { curvePoint } from "../train/curve.ts";
import { CROSS_ENTROPY } from "../train/objectives.ts";
import { estimateStatistics } from "../train/statistics.ts";
import type { Defense } from "./defense.ts";

/** Points of the curve that are measured: t = 0, 0.1, ..., 1. */
const POINTS = 11;

/** Mode connectivity repair: `curvePosition` sets the point that is the result. */
export const modeConnectivity: Defense = {
  name: "mcr",
  description: "a point on a curve between the network and a finetuned copy (Zhao et al. 2020)",
  trains: true,
  finetuning: () => ({ phase: "end", training: "teacherTraining" }),
  async run(context) {
    const { gpu, student, settings, load, train, heldOutAccuracy, note, present } = context;
    const { architecture } = student;
    const start = load(student);
    const end = load(student);
    await train("end", end, CROSS_ENTROPY, settings.teacherTraining);
    const states = { start: await readModel(gpu, start), end: await readModel(gpu, end) };
    const middle = load({
      ...student,
      state: meanOf(architecture, states.start, states.end),
      source: "the middle of the curve",
    });
    await train("middle", middle, CROSS_ENTROPY, settings.training, {
      ends: { start: start.parameters, end: end.parameters },
    });
    const trained = await readModel(gpu, middle);
    for (const model of [start, end, middle]) model[Symbol.dispose]();

    const at = async (model: Model, t: number) => {
      const found = between(architecture, { ...states, middle: trained }, t);
      writeModel(gpu, model, found, "the curve");
      await estimateStatistics(gpu, model, context.clean, settings.training, context.signal);
      return model;
    };
    const point = load(student);
    const curve: { t: number; heldOutAccuracy: number | null }[] = [];
    for (let i = 0; i < POINTS; i++) {
      const t = i / (POINTS - 1);
      await at(point, t);
      curve.push({ t, heldOutAccuracy: await heldOutAccuracy(point) ?? null });
      await note("curve", curve);
      await present(`t=${t.toFixed(1)}`, point);
    }
    return await at(point, settings.curvePosition);
  },
};

/** The point φ(t) of the curve. */
function between(
  architecture: Architecture,
  { start, middle, end }: { start: StateDict; middle: StateDict; end: StateDict },
  t: number,
): StateDict {
  return withValues(
    architecture,
    start,
    (name, values) => curvePoint(values, floats(middle.get(name)!), floats(end.get(name)!), t),
  );
}

/** Halfway on the straight line between two networks, where the middle begins. */
function meanOf(architecture: Architecture, start: StateDict, end: StateDict): StateDict {
  return withValues(architecture, start, (name, values) => {
    const others = floats(end.get(name)!);
    return values.map((value, i) => (value + others[i]!) / 2);
  });
}
