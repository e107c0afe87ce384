import type { CSSProperties } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Layer } from './motifs';
import { type Poster as Derived, posterOf } from './poster-design';
import { mainTitle } from './titles';

interface PosterMovie {
  readonly id: number;
  readonly title: string;
  readonly year?: number | null;
  readonly genres: readonly string[];
}

/** The typographic poster; what it says is said again by the link or heading around it. */
export function Poster({ movie }: { movie: PosterMovie }) {
  const title = mainTitle(movie.title);
  const poster = useMemo(() => posterOf(movie, title), [movie.id]);
  return (
    <div
      class="poster"
      data-face={poster.face}
      data-title-first={poster.isTitleFirst}
      style={colours(poster)}
      aria-hidden="true"
    >
      <PosterArt layers={poster.layers} />
      <div class="poster-words">
        <span class="poster-title">{title}</span>
        <span class="poster-line">
          <span>{movie.year}</span>
          <span>{movie.genres.slice(0, 2).join(' / ')}</span>
        </span>
      </div>
    </div>
  );
}

export function PosterArt({ layers }: { layers: readonly Layer[] }) {
  return (
    <svg class="poster-art" viewBox="0 0 200 200" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      {layers.map(({ d, tint, opacity, stroke }) => (
        <path
          key={d}
          d={d}
          opacity={opacity}
          class={stroke === undefined ? `fill-${tint}` : `stroke-${tint}`}
          stroke-width={stroke}
        />
      ))}
    </svg>
  );
}

/** A poster's colours as custom properties, for the poster itself or what stands near it. */
export function colours({ palette: [paper, ink, first, second], titleSize }: Derived): CSSProperties {
  return {
    '--paper': paper,
    '--ink': ink,
    '--first': first,
    '--second': second,
    '--title-size': titleSize,
  } as CSSProperties;
}
