import { colours, PosterArt } from '../movies/poster';
import { posterOf } from '../movies/poster-design';

const GENRES = [
  ...['Drama', 'Sci-Fi', 'Comedy', 'Western', 'Fantasy', 'Crime', 'Romance', 'Horror', 'Adventure'],
  ...['Musical', 'Thriller', 'Animation', 'Film-Noir', 'Action', 'War', 'Documentary', 'Mystery', 'Children'],
];

/** The patterns that the posters are made of, as decoration. */
export function ArtWall() {
  return (
    <div class="art-wall" aria-hidden="true">
      {GENRES.map((genre, i) => {
        const poster = posterOf({ id: 40 + i, genres: [genre] }, '');
        return (
          <div key={genre} class="poster" style={colours(poster)}>
            <PosterArt layers={poster.layers} />
          </div>
        );
      })}
    </div>
  );
}
