"""Running a state machine."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


def run_machine(
    machine: type[RuleBasedStateMachine], *, examples: int, steps: int, derandomize: bool, **places: str
) -> None:
    """Runs it with `places` (where its servers are) as attributes of its class. `derandomize`: the same each time."""
    run_state_machine_as_test(
        type("Machine", (machine,), places),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=derandomize,
            report_multiple_bugs=False,
        ),
    )
