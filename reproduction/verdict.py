"""Which of the paper's figures can hold, in words that follow the numbers."""

from reproduction.figures import MODELS
from reproduction.markup import equal, number, section, table
from reproduction.results import Course, Reproduction


def of_figures(found: Reproduction) -> str:
    """Write the part that comes first: what of the paper can hold, and what cannot."""
    paper = found.paper
    printed, (first, second) = paper.rmse["bias"], paper.others_bias_test
    first_train, second_train = paper.others_bias_train
    return section(
        "What holds",
        f"""
<p><strong>The paper&rsquo;s {number(printed, ".4f")} for biases alone cannot be a test
error of that model on ML-25M.</strong> The loss of biases is convex and has one
minimum, so all correct programs end at nearly the same place. Two that were published
ended at {number(first, ".3f")} (ML-25M) and {number(second, ".3f")} (ML-32M) on the
test part, and at {number(first_train, ".3f")} and {number(second_train, ".3f")} on the
very ratings they were trained on. The printed figure lies below even those. It would
explain {number(paper.explained["bias"], ".0%")} of the variance of ratings, whose
standard deviation is about {number(paper.deviation, ".2f")} stars, where biases explain
{number(paper.others_bias_explained, ".0%")}. No leak of the test part can do that: it
brings the test error down to the training error, not beneath it.</p>
<p>The figures with factors are plausible at that scale. That genres take off another
{number(paper.gain_by_features, ".2f")} is not what another run saw
({equal("k", number(paper.others_n_factors))}: {number(paper.others_latent, ".4f")} to
{number(paper.others_features, ".4f")}): where movies have many ratings, genres add
little to them.</p>
<p>{_here({course.name: course for course in found.courses})}</p>
{_verdict_table(found)}
<p class="after">{_with_precisions(found)}</p>
{_precision_table(found)}""",
    )


def _here(courses: dict[str, Course]) -> str:
    """Say what happened on this data set, whichever way it went."""
    bias, latent = (courses[name].sweeps[-1].test_rmse for name in ("bias", "latent"))
    errors = f"{number(latent, '.4f')} against {number(bias, '.4f')}"
    if latent < bias:
        text = f"<strong>Here too factors gain on biases alone: {errors}.</strong>"
    else:
        text = (
            f"<strong>Here factors lose to biases alone: {errors}.</strong> With "
            "weights as small as printed they learn the noise of the ratings they are "
            "trained on."
        )
    if courses["latent"].best_test_rmse < latent:
        text += " Past its best sweep the test error rises while the training error"
        text += " falls."
    return text


def _with_precisions(found: Reproduction) -> str:
    """Compare with the updates that have the error's weight in them."""
    settings = found.settings
    printed, precise = (
        courses[1].sweeps[-1].test_rmse
        for courses in (found.courses, found.precision_courses)
    )
    errors = f"{number(precise, '.4f')} instead of {number(printed, '.4f')}"
    if precise < printed:
        outcome = (
            f"Here factors are then better, {errors}, which suggests that the "
            "paper&rsquo;s own program did so."
        )
    else:
        outcome = f"Here factors are then no better, {errors}."
    return (
        "<strong>Perhaps a misprint.</strong> The paper weighs the squared error by λ, "
        "but prints updates without it. With λ in them the weights act as γ/λ = "
        f"{number(settings.bias_ratio, 'g')} and τ/λ = "
        f"{number(settings.factor_ratio, 'g')}, a hundred times as much. {outcome}"
    )


def _precision_table(found: Reproduction) -> str:
    rows = [
        (
            MODELS[course.name],
            number(course.sweeps[-1].train_rmse, ".4f"),
            number(course.sweeps[-1].test_rmse, ".4f"),
            number(course.best_test_rmse, ".4f"),
            number(course.best_sweep),
        )
        for course in found.precision_courses
    ]
    head = "Model, λ in its updates", "Train", "Test", "Best test", "at sweep"
    return f'<div class="narrow">{table(head, rows, "The same split and start.")}</div>'


def _verdict_table(found: Reproduction) -> str:
    paper, courses = found.paper, {course.name: course for course in found.courses}
    rows = []
    for name, others, verdict in (
        ("bias", paper.others_bias_test, "no"),
        ("latent", [paper.others_latent], "yes"),
        ("features", [paper.others_features], "its level, not the gain"),
    ):
        course = courses[name]
        rows.append(
            (
                MODELS[name],
                number(paper.rmse[name]),
                verdict,
                " / ".join(number(error) for error in others),
                number(course.sweeps[-1].train_rmse, ".4f"),
                number(course.sweeps[-1].test_rmse, ".4f"),
                number(course.best_test_rmse, ".4f"),
                number(course.best_sweep),
            )
        )
    return table(
        ("Model", "Paper", "Can it hold?", "Others", "Train", "Test", "Best test",
         "at sweep"),
        rows,
        "Root mean squared errors, in stars. Paper: on ML-25M. Others: test errors of "
        "the two public runs, ML-25M / ML-32M; with factors on ML-32M. The rest is "
        "from here, after the last sweep.",
    )  # fmt: skip
