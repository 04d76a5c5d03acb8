"""What programs may ask of `/api/v1`, as an OpenAPI document out of the tables that the views use."""
