import type { ComponentType } from 'preact';
import { ApiError } from '../api';
import { useResource } from '../resource';
import { Failure, Skeletons } from './states';

/** A page that is fetched when somebody first goes there. */
export function later<Props extends object>(
  name: string,
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  return (props) => {
    const { data, error, reload } = useResource(`page ${name}`, () =>
      load().then(
        (component) => ({ component }),
        () => Promise.reject(new ApiError('offline')),
      ),
    );
    if (error) return <Failure error={error} retry={reload} />;
    return data ? <data.component {...props} /> : <Skeletons count={3} kind="row" />;
  };
}
