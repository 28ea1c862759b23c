"""What the workers of Django's tasks run."""

from django.tasks import task

from .webhooks import queued


@task
def work_off(message: str) -> None:
    """Handle an event that the web server took in."""
    queued.process(message)
