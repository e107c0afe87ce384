"""The operations of administrators: experiments, training, models."""

from typing import Literal

from api.clients.cinefold.operations import PAGE
from api.clients.cinefold.requests import (
    Request,
    act,
    get,
    get_text,
    without_reply,
)
from api.clients.cinefold.transports import operation, paged
from api.schemas.diagnostics import Checks
from api.schemas.experiments import (
    AssignmentOut,
    ExperimentIn,
    ExperimentOut,
    ExperimentPage,
    ExperimentPatch,
    Results,
)
from api.schemas.models import ActiveModel, ModelCard, ModelComparison, ModelPage
from api.schemas.training import (
    TrainingRunDetail,
    TrainingRunIn,
    TrainingRunOut,
    TrainingRunPage,
)


class AdministratorOperations:
    """The operations that need an administrator's key with the scope `admin`."""

    # Experiments.

    @paged
    def experiments(self, *, page_size: int = PAGE) -> Request[ExperimentPage]:
        """List the experiments, newest first."""
        return get("/experiments", ExperimentPage, limit=page_size)

    @operation
    def experiment(self, experiment_id: int) -> Request[ExperimentOut]:
        """Read an experiment."""
        return get(f"/experiments/{experiment_id}", ExperimentOut)

    @operation
    def create_experiment(self, plan: ExperimentIn) -> Request[ExperimentOut]:
        """Plan an experiment; it stays a draft until it is started."""
        return act("/experiments", ExperimentOut, plan)

    @operation
    def change_experiment(
        self, experiment_id: int, change: ExperimentPatch, *, version: int
    ) -> Request[ExperimentOut]:
        """Change a draft, if its version is still the one that was read."""
        return Request(
            "PATCH",
            f"/experiments/{experiment_id}",
            lambda reply: ExperimentOut.model_validate_json(reply.content),
            json=change.model_dump(mode="json", exclude_unset=True),
            headers={"If-Match": f'"{version}"'},
            is_repeatable=False,
        )

    @operation
    def start_experiment(self, experiment_id: int) -> Request[ExperimentOut]:
        """Start a draft; from now on it decides what users see."""
        return act(f"/experiments/{experiment_id}/start", ExperimentOut)

    @operation
    def stop_experiment(self, experiment_id: int) -> Request[ExperimentOut]:
        """Stop a running experiment."""
        return act(f"/experiments/{experiment_id}/stop", ExperimentOut)

    @operation
    def assignment(self, experiment_id: int, user_id: int) -> Request[AssignmentOut]:
        """Read which variant a user sees."""
        path = f"/experiments/{experiment_id}/assignment/{user_id}"
        return get(path, AssignmentOut)

    @operation
    def results(self, experiment_id: int) -> Request[Results]:
        """Analyse an experiment."""
        return get(f"/experiments/{experiment_id}/results", Results)

    @operation
    def exposures(
        self, experiment_id: int, *, file_format: Literal["ndjson", "csv"] = "ndjson"
    ) -> Request[str]:
        """Export the users exposed with their likes and dislikes, a line each."""
        path = f"/experiments/{experiment_id}/exposures"
        return get_text(path, format=file_format)

    # Training and models.

    @operation
    def train(self, settings: TrainingRunIn | None = None) -> Request[TrainingRunOut]:
        """Queue a training run; without settings it takes all defaults."""
        return act("/training-runs", TrainingRunOut, settings)

    @paged
    def training_runs(self, *, page_size: int = PAGE) -> Request[TrainingRunPage]:
        """List the training runs, newest first."""
        return get("/training-runs", TrainingRunPage, limit=page_size)

    @operation
    def training_run(self, run_id: int) -> Request[TrainingRunDetail]:
        """Show a training run and its sweeps."""
        return get(f"/training-runs/{run_id}", TrainingRunDetail)

    @operation
    def cancel_training(self, run_id: int) -> Request[TrainingRunOut]:
        """Cancel a run that is queued or running."""
        return act(f"/training-runs/{run_id}/cancel", TrainingRunOut)

    @paged
    def models(self, *, page_size: int = PAGE) -> Request[ModelPage]:
        """List the models, newest first."""
        return get("/models", ModelPage, limit=page_size)

    @operation
    def model(self, model_id: int) -> Request[ModelCard]:
        """Show the card of a model."""
        return get(f"/models/{model_id}", ModelCard)

    @operation
    def active_model(self) -> Request[ActiveModel]:
        """Read which model is live, and how many ratings have changed since."""
        return get("/models/active", ActiveModel)

    @operation
    def compare_models(self, first_id: int, second_id: int) -> Request[ModelComparison]:
        """Compare two models."""
        path = f"/models/{first_id}/comparison/{second_id}"
        return get(path, ModelComparison)

    @operation
    def model_checks(self, model_id: int) -> Request[Checks]:
        """Check what must hold before a model can go live."""
        return get(f"/models/{model_id}/checks", Checks)

    @operation
    def activate_model(self, model_id: int) -> Request[ModelCard]:
        """Let a model go live in place of the present one."""
        return act(f"/models/{model_id}/activate", ModelCard)

    @operation
    def roll_back_model(self) -> Request[ModelCard]:
        """Let the model that was live before go live again."""
        return act("/models/rollback", ModelCard)

    @operation
    def delete_model(self, model_id: int) -> Request[None]:
        """Delete a model that is not live."""
        return without_reply("DELETE", f"/models/{model_id}")
