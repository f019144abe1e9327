"""What `make up`, `make deploy` and `make down` do around a plain `pulumi up` and `pulumi destroy`."""
