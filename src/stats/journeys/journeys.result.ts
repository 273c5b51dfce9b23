// What do journeys become? The answer of the contract: paths with their shares, and the picture's nodes and links. Pure.
import { toPage } from '../../common/cursor';
import type { Span } from '../stats.request';
import { toMeta } from '../stats.result';
import type { JourneyLinkDto, JourneyNodeDto, JourneysDto } from './journeys.dto';
import { writeCursor } from './journeys.request';
import type { JourneyNode, JourneyQuestion, Journeys } from './journeys.types';

/** An answer, its counts grown to those of all visitors. */
export const toJourneysDto = (question: JourneyQuestion, answer: Journeys, { timezone }: Span): JourneysDto => {
  const { range, limit } = question;
  const { total, sample } = answer;
  const listed = toPage(
    answer.paths,
    limit,
    () => [],
    ({ path, units }) => ({ path: [...path], count: units * sample, share: units / total }),
  );
  const last = answer.paths[limit - 1];
  const next = listed.page.next === null || last === undefined ? null : writeCursor(last, range, sample);
  return {
    data: listed.data,
    page: { next },
    total: total * sample,
    ...toPicture(answer),
    meta: toMeta(range, timezone, undefined, answer.account),
  };
};

/** Nodes in the order of their step, the most frequent first and the others last; links in the order of their ends. */
const toPicture = ({ nodes, links, sample }: Journeys): { nodes: JourneyNodeDto[]; links: JourneyLinkDto[] } => {
  const places = new Map<string, { id: string; place: number }>();
  const shown = nodes.toSorted(byStep).map((node, place, all): JourneyNodeDto => {
    const { step, value, units, entries, exits } = node;
    const id = `${step}.${place - all.findIndex((one) => one.step === step)}`;
    places.set(keyOf(step, value), { id, place });
    return {
      id,
      step,
      value: value ?? null,
      ...(value === undefined ? { other: true } : {}),
      count: units * sample,
      entries: entries * sample,
      exits: exits * sample,
    };
  });
  const at = (step: number, value: string | undefined): { id: string; place: number } =>
    places.get(keyOf(step, value)) ?? { id: '', place: -1 };
  const drawn = links
    .map(({ step, source, target, units }) => ({ from: at(step, source), to: at(step + 1, target), units }))
    .toSorted((a, b) => a.from.place - b.from.place || a.to.place - b.to.place)
    .map(({ from, to, units }): JourneyLinkDto => ({ source: from.id, target: to.id, count: units * sample }));
  return { nodes: shown, links: drawn };
};

const keyOf = (step: number, value: string | undefined): string => JSON.stringify([step, value ?? null]);

const byStep = (a: JourneyNode, b: JourneyNode): number =>
  a.step - b.step ||
  Number(a.value === undefined) - Number(b.value === undefined) ||
  b.units - a.units ||
  ((a.value ?? '') < (b.value ?? '') ? -1 : 1);
