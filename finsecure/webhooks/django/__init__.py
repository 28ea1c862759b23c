"""The Django app of `DjangoInbox`: add `"finsecure.webhooks.django"` to INSTALLED_APPS, and run `manage.py migrate`."""
