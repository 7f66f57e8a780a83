"""The gateway: accepts workflows, hands them to runners, mirrors what happens into the database, answers."""
