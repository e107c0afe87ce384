import { PageHead, Tabs } from '../app/parts';
import { useGet } from '../app/resource';
import { href, route } from '../app/routes';
import { Empty, Failure, Skeletons } from '../app/states';
import { Bars, Columns, LogDots, Plot } from '../charts/plot';
import { displayTitle } from '../movies/titles';
import { texts } from '../texts';

const TABS = ['ratings', 'movies', 'genres'] as const;

/** The paper's plots of all ratings, each with its numbers. */
export function Insights() {
  const tab = TABS.find((name) => name === route.value.query.get('tab')) ?? 'ratings';
  const { insights } = texts;
  return (
    <>
      <PageHead title={insights.title} lead={insights.lead} />
      <Tabs
        label={insights.title}
        tabs={[
          ...TABS.map((name) => [href('insights', { tab: name }), insights.tabs[name], name === tab] as const),
          [href('polarizing'), texts.polarizing.title, false],
        ]}
      />
      {tab === 'ratings' && <RatingPlots />}
      {tab === 'movies' && <MoviePlots />}
      {tab === 'genres' && <GenrePlots />}
    </>
  );
}

function RatingPlots() {
  const { data, error, isLoading, reload } = useGet('/insights/ratings');
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  if (!data) return <Skeletons count={3} kind="row" />;
  const { insights, plot } = texts;
  if (data.n_ratings === 0) return <Empty title={insights.empty} hint={insights.emptyHint} />;
  const { distribution, activity, strictness } = data;
  const commonest = distribution.reduce((most, bin) => (bin.count > most.count ? bin : most));
  const busiest = activity.reduce((most, month) => (month.count > most.count ? month : most));
  const spread = middle(strictness);
  return (
    <>
      <p class="facts">{insights.asOf(data.n_ratings, data.n_users, data.as_of)}</p>
      <div class="movie-columns">
        <Plot
          title={insights.distribution}
          summary={insights.distributionText(commonest.value, commonest.count / data.n_ratings)}
          columns={insights.distributionColumns}
          rows={distribution.map(({ value, count }) => [value, count])}
        >
          <Columns
            step={1}
            bars={distribution.map(({ value, count }) => ({
              name: plot.number(value),
              value: count,
              label: plot.number(count),
            }))}
          />
        </Plot>
        <Plot
          title={insights.strictness}
          summary={insights.strictnessText(spread)}
          columns={insights.strictnessColumns}
          rows={strictness.map(({ value, count }) => [value, count])}
        >
          <Columns
            step={Math.ceil(strictness.length / 10)}
            bars={strictness.map(({ value, count }) => ({
              name: plot.number(value),
              value: count,
              label: plot.number(count),
            }))}
          />
        </Plot>
      </div>
      <Plot
        title={insights.activity}
        summary={insights.activityText(activity.at(0)?.month ?? '', activity.at(-1)?.month ?? '', busiest)}
        columns={insights.activityColumns}
        rows={activity.map(({ month, count }) => [month, count])}
      >
        <Columns
          step={Math.ceil(activity.length / 8)}
          bars={activity.map(({ month, count }) => ({ name: month, value: count, label: plot.number(count) }))}
        />
      </Plot>
    </>
  );
}

/** The value below which half of all users are. */
function middle(bins: readonly { value: number; count: number }[]): number {
  const half = bins.reduce((sum, { count }) => sum + count, 0) / 2;
  let below = 0;
  for (const { value, count } of bins) {
    below += count;
    if (below >= half) return value;
  }
  return 0;
}

function MoviePlots() {
  const { data, error, isLoading, reload } = useGet('/insights/popularity');
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  if (!data) return <Skeletons count={2} kind="row" />;
  const { insights, plot } = texts;
  const points = data.n_ratings.map((n, i) => [n, data.n_movies[i] ?? 0] as const).filter(([n]) => n > 0);
  const [once] = points.filter(([n]) => n === 1).map(([, movies]) => movies);
  if (points.length === 0) return <Empty title={insights.empty} hint={insights.emptyHint} />;
  return (
    <div class="movie-columns">
      <Plot
        title={insights.popularity}
        summary={insights.popularityText(once ?? 0, points.at(-1)?.[0] ?? 0)}
        columns={insights.popularityColumns}
        rows={points}
      >
        <LogDots points={points} axes={insights.popularityColumns} />
      </Plot>
      <Plot
        title={insights.top}
        summary={insights.topText(displayTitle(data.top[0]?.title ?? ''), data.top[0]?.n_ratings ?? 0)}
        columns={insights.topColumns}
        rows={data.top.map(({ title, year, n_ratings, mean_rating }) => [
          texts.movie.name(displayTitle(title), year),
          n_ratings,
          mean_rating,
        ])}
      >
        <Bars
          bars={data.top.map(({ title, n_ratings }) => ({
            name: displayTitle(title),
            value: n_ratings,
            label: plot.number(n_ratings),
          }))}
        />
      </Plot>
    </div>
  );
}

const GENRE_PLOTS = [
  { of: 'mean_rating', low: 2.5, high: 5 },
  { of: 'n_movies', low: 0, high: undefined },
  { of: 'n_ratings', low: 0, high: undefined },
] as const;

function GenrePlots() {
  const { data, error, isLoading, reload } = useGet('/insights/genres');
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  if (!data) return <Skeletons count={3} kind="row" />;
  const { insights, plot } = texts;
  if (data.items.length === 0) return <Empty title={insights.empty} hint={insights.emptyHint} />;
  return (
    <div class="movie-columns">
      {GENRE_PLOTS.map(({ of, low, high }) => {
        const bars = data.items
          .flatMap((genre) => (genre[of] === null ? [] : { name: genre.name, value: genre[of] }))
          .sort((a, b) => b.value - a.value)
          .map((bar) => ({ ...bar, label: plot.number(bar.value) }));
        return (
          <Plot
            key={of}
            title={insights.genre[of].title}
            summary={insights.genre[of].text(bars[0]?.name ?? '', bars.at(-1)?.name ?? '')}
            columns={[texts.filters.genre, insights.genre[of].column]}
            rows={bars.map(({ name, value }) => [name, value])}
          >
            <Bars bars={bars} low={low} {...(high !== undefined && { high })} />
          </Plot>
        );
      })}
    </div>
  );
}
